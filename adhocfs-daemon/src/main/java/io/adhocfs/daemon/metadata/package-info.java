/**
 * The records of inodes, dentries and everything that hangs on them: typed reads, and batches that
 * are written whole or not at all. The only package that knows how their bytes look.
 *
 * <p>Must never decide what an operation means, know a session's rules, or talk to another node.
 */
@NullMarked
package io.adhocfs.daemon.metadata;

import org.jspecify.annotations.NullMarked;
