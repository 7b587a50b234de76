"""Modules of several windows side by side: GoogLeNet and its successors."""
