/**
 * The commands, a class for each: what it takes, what it calls, what it prints.
 *
 * <p>They must never do the work themselves, and never show a stack trace or a secret.
 */
@NullMarked
package io.adhocfs.cli.command;

import org.jspecify.annotations.NullMarked;
