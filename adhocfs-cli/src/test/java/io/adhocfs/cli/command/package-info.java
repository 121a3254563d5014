/** Words of the command line. */
@NullMarked
package io.adhocfs.cli.command;

import org.jspecify.annotations.NullMarked;
