/**
 * Feeds decoders with mutated bytes and says which input broke one, for the tests of all modules.
 *
 * <p>Must never know a format: targets bring their samples and decoders.
 */
@NullMarked
package io.adhocfs.protocol.fuzz;

import org.jspecify.annotations.NullMarked;
