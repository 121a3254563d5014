# Expects each row of two writers in an HDF5 file exactly once: path, rows of each.
import sys

import h5py

path, each = sys.argv[1], int(sys.argv[2])
with h5py.File(path, 'r') as file:
    rows = file['rows'][:]
    assert int(file['count'][0]) == rows.shape[0] == 2 * each, rows.shape
    assert (rows == rows[:, :1]).all()
    assert sorted(rows[:, 0]) == [writer * 1000000 + i for writer in (1, 2) for i in range(each)]
