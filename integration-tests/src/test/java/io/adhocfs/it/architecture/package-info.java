/**
 * Holds the classes to what docs/architecture.md says about them.
 *
 * <p>It must never know a rule of its own that a reader of that page could not find there, except
 * bans whose message says what to do instead.
 */
@NullMarked
package io.adhocfs.it.architecture;

import org.jspecify.annotations.NullMarked;
