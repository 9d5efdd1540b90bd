"""Orient: what is wrong with the machine, how sure are we, and what does it cost to leave it?"""
