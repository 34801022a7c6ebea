"""The database: every table and every statement. Contains no decisions."""
