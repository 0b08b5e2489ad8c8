"""Tests of folding feedback into bad cases."""
