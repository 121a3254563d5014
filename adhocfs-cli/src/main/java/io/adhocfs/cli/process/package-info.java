/**
 * Processes of an instance, here and on other hosts: how they are started so that they outlive the
 * command, how the command knows that they are ready, and how they are removed with everything that
 * they left.
 *
 * <p>It must never kill a process that it has not recognized by its command line, and never put a
 * secret on one.
 */
@NullMarked
package io.adhocfs.cli.process;

import org.jspecify.annotations.NullMarked;
