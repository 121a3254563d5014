/**
 * Operations over several slots: what each slot's part must find and does, the locks that keep
 * readers away from what is undecided, and the protocol by which all parts happen or none.
 *
 * <p>Must never know which operation of the file system a set of changes stands for.
 */
@NullMarked
package io.adhocfs.daemon.transaction;

import org.jspecify.annotations.NullMarked;
