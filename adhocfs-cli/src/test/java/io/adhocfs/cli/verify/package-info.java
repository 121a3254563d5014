@NullMarked
package io.adhocfs.cli.verify;

import org.jspecify.annotations.NullMarked;
