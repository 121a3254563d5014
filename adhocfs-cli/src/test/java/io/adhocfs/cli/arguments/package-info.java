@NullMarked
package io.adhocfs.cli.arguments;

import org.jspecify.annotations.NullMarked;
