"""The payer's workbook: live formulas from the model's own expressions, written, read and checked."""
