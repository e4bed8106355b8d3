"""Shigu's tests: one folder per room, each test one sentence."""
