# One of the processes that insert into the same SQLite database: path, number of this writer, rows.
import sqlite3
import sys

path, writer, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
database = sqlite3.connect(path, timeout=240, isolation_level=None)
for i in range(rows):
    database.execute('BEGIN IMMEDIATE')
    database.execute('INSERT INTO t(writer, number, text) VALUES(?, ?, ?)', (writer, i, 'x' * (i * 13 % 3000)))
    database.execute('UPDATE total SET n = n + 1')
    database.execute('COMMIT')
