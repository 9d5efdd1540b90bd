"""Orient: what is wrong with the asset, how sure are we, and what does it cost to leave it?"""
