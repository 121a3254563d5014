/**
 * The public way into the file system: many daemons look like one set of paths, files and
 * directories. All here is for programs; what is inside is in {@code client.core} and below.
 *
 * <p>It must never show a word of the network, but to who brings connections of its own ({@code
 * AdhocFileSystem.over}), and never keep the only copy of anything that was acknowledged.
 */
@NullMarked
package io.adhocfs.client;

import org.jspecify.annotations.NullMarked;
