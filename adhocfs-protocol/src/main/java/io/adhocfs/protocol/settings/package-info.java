/**
 * What users can set: the one table of settings, the values that an instance was brought up with,
 * and what has been set since for all of it or for directories.
 *
 * <p>Must never open a file or a connection: whoever reads values brings them here.
 */
@NullMarked
package io.adhocfs.protocol.settings;

import org.jspecify.annotations.NullMarked;
