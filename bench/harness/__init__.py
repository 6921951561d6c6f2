"""What bench/compare and bench/rotation share: processes, a throw-away PostgreSQL, pgbench, tables and pictures."""
