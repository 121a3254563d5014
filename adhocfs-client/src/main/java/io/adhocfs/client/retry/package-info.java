/**
 * When and how often something is tried again: pure decisions, waiting times, and the clock that
 * they run by.
 *
 * <p>Must never send anything, and never take time or chance from anywhere but its arguments.
 */
@NullMarked
package io.adhocfs.client.retry;

import org.jspecify.annotations.NullMarked;
