/**
 * The life of instances, as the command line steers it: coming up, dying in parts, going down, on
 * one host and several, beside each other, under wrong use.
 *
 * <p>Must never look at what commands do inside, only at what a user sees and what is left.
 */
@NullMarked
package io.adhocfs.it.cluster;

import org.jspecify.annotations.NullMarked;
