/**
 * The inside of one client: its parts, wired once ({@code ClientCore}), and what takes several of
 * them: walking paths, opening and cutting files, attributes with what this client has written,
 * whole trees.
 *
 * <p>It must never know the form in which a program asks or is answered: that is the package above,
 * {@code io.adhocfs.client}, which alone uses this one (and who brings threads and connections of
 * its own, {@code Surroundings}).
 */
@NullMarked
package io.adhocfs.client.core;

import org.jspecify.annotations.NullMarked;
