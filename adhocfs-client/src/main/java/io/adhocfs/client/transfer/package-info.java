/**
 * Staging: parallel recursive copies between this host's file systems and an instance, and within
 * an instance.
 *
 * <p>It must never report a file as copied whose size it has not compared, never give a final name
 * to what is not whole, never keep more in memory for a larger tree, and never turn a name into
 * text on its way.
 *
 * <p>To read it: {@link io.adhocfs.client.transfer.Transfer} is what others use; it finds out what
 * is copied to where ({@code CopyPlan}) and runs a {@code TreeCopy}, which walks directories
 * ({@code DirectoryCopy}) and copies files ({@code EntryCopy}) between a {@code SourceDirectory}
 * and a {@code TargetDirectory}: the two seams, each with one implementation for this host and one
 * for an instance.
 */
@NullMarked
package io.adhocfs.client.transfer;

import org.jspecify.annotations.NullMarked;
