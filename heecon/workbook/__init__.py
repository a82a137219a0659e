"""The payer's workbook: live formulas from the model's own expressions, and the way back."""
