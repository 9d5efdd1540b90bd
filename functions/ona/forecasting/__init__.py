"""Forecasting's own knowledge, shared by the functions that train and those that forecast.

Pure: frames and arrays in, frames and arrays out. xgboost and pvlib are imported where they are used.
"""
