# One of the two processes that append rows to the same HDF5 file, each time opening it anew under HDF5's
# own lock: path, number of this writer, rows.
import sys
import time

import h5py
import numpy

path, writer, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def open_locked():
    limit = time.monotonic() + 240
    while True:
        try:
            return h5py.File(path, 'r+')
        except OSError as e:
            # HDF5 does not wait for a lock; and it asks for the size before it locks, so that the file may
            # have grown in between, on any file system.
            if not ('unable to lock file' in str(e) or 'truncated file' in str(e)) or time.monotonic() > limit:
                raise
            time.sleep(0.001)


for i in range(rounds):
    with open_locked() as file:
        if 'rows' not in file:
            file.create_dataset('rows', (0, 1000), 'i8', maxshape=(None, 1000), chunks=(8, 1000))
        count = file.require_dataset('count', (1,), 'i8')
        rows = file['rows']
        n = int(count[0])
        assert rows.shape[0] == n, (rows.shape, n)
        assert (rows[:] == rows[:, :1]).all()
        rows.resize(n + 1, axis=0)
        rows[n] = numpy.full(1000, writer * 1000000 + i)
        count[0] = n + 1
