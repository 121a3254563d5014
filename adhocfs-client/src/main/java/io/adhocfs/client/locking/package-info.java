/**
 * Advisory locks as a client sees them: whose they are, waiting for them, and finding out that two
 * would wait for each other for ever.
 *
 * <p>Must never read or write a file.
 */
@NullMarked
package io.adhocfs.client.locking;

import org.jspecify.annotations.NullMarked;
