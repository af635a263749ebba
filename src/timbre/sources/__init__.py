"""Renders, copies or downloads recordings. Every source writes Kaggle's layout."""
