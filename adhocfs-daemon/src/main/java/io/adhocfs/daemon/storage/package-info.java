/**
 * The one RocksDB of a daemon and the table of its keys: every record lies under its slot, so that
 * a slot is one contiguous range.
 *
 * <p>Must never know what a record means: the packages that own a kind of record do.
 */
@NullMarked
package io.adhocfs.daemon.storage;

import org.jspecify.annotations.NullMarked;
