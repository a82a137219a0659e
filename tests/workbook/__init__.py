"""The payer's workbook as it travels: out of heecon, through strange hands, and back."""
