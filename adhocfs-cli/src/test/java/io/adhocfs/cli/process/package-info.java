@NullMarked
package io.adhocfs.cli.process;

import org.jspecify.annotations.NullMarked;
