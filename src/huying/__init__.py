"""Huying 呼应: one pipeline from what people call out for to an answer."""
