/**
 * What a daemon keeps on its disk besides the bytes of chunks: the records of slots in RocksDB,
 * which no other package knows, and small files that are whole or refused. Knows how much room the
 * disk has.
 *
 * <p>Must never know what a record means: the packages that own a kind of record do.
 */
@NullMarked
package io.adhocfs.daemon.storage;

import org.jspecify.annotations.NullMarked;
