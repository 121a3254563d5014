/**
 * The files of this host, byte for byte: names are bytes, times have nanoseconds, holes stay holes.
 * For staging, which the JDK's own file API cannot serve: it turns names into text.
 *
 * <p>It must never follow a symbolic link unless its caller says so, and never know what an
 * instance is.
 */
@NullMarked
package io.adhocfs.client.transfer.local;

import org.jspecify.annotations.NullMarked;
