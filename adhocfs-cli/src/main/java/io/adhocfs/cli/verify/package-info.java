/**
 * Compares what all daemons keep with each other and names what does not fit, while programs use
 * the file system.
 *
 * <p>It must never change anything, and never name as wrong what was merely changing while it
 * looked.
 */
@NullMarked
package io.adhocfs.cli.verify;

import org.jspecify.annotations.NullMarked;
