"""Observe: is every asset doing what it should, and if not, since when and how much is lost?"""
