# Expects what four ranks of parallel-hdf5.c write, by the library without MPI.
import sys

import h5py

with h5py.File(sys.argv[1], 'r') as file:
    sums = [int(file['set%d' % i][:].astype('i8').sum()) for i in range(3)]
assert sums == [7273536000, 391274688000, 775275840000], sums
