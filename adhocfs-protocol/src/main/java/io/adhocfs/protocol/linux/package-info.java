/**
 * System calls of Linux that Java lacks: how C functions are called, and the calls on open files
 * that several modules make.
 *
 * <p>Must never know what a file is for, and never turn an errno into an error of the file system:
 * callers do.
 */
@NullMarked
package io.adhocfs.protocol.linux;

import org.jspecify.annotations.NullMarked;
