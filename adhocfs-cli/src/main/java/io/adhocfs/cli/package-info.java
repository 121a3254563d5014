/**
 * The command line: parses arguments, wires and starts the processes, prints results and maps
 * errors to exit codes.
 *
 * <p>It must never hold a rule of the file system: a command calls another module to do its work.
 */
@NullMarked
package io.adhocfs.cli;

import org.jspecify.annotations.NullMarked;
