/**
 * Advisory locks on the files whose inodes lie here: who holds what, who waits for it, and who
 * waits for whom.
 *
 * <p>Must never keep anybody from reading or writing a file.
 */
@NullMarked
package io.adhocfs.daemon.locking;

import org.jspecify.annotations.NullMarked;
