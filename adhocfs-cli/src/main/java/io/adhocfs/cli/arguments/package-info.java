/**
 * The arguments of the user, byte for byte, and the output to the user: no locale changes a path,
 * and all JSON is spelt alike.
 *
 * <p>It must never open a file that an argument names, nor know what a command does with the
 * argument.
 */
@NullMarked
package io.adhocfs.cli.arguments;

import org.jspecify.annotations.NullMarked;
