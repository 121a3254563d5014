/**
 * Jobs of a real Slurm, on nodes that this machine plays: how they run, how they end, what they
 * leave.
 *
 * <p>Nothing here may use the Slurm of this machine.
 */
@NullMarked
package io.adhocfs.it.slurm;

import org.jspecify.annotations.NullMarked;
