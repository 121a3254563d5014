/**
 * The public way into the file system: many daemons look like one set of paths, files and
 * directories.
 *
 * <p>It must never show a word of the network in its API, and never keep the only copy of anything
 * that was acknowledged.
 */
@NullMarked
package io.adhocfs.client;

import org.jspecify.annotations.NullMarked;
