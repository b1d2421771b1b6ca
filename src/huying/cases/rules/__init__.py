"""Pure logic of cases: procedures, who may act, clocks, receipts, words."""
