/**
 * Programs that measure, for {@code scripts/bench}; no tests.
 *
 * <p>It must never use what users of the client cannot use.
 */
@NullMarked
package io.adhocfs.it.bench;

import org.jspecify.annotations.NullMarked;
