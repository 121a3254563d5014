/**
 * What programs see when daemons die, disks fill and strangers knock: real processes, real signals,
 * real full disks.
 *
 * <p>Must never accept lost or wrong data; waiting and clear errors are allowed.
 */
@NullMarked
package io.adhocfs.it.failure;

import org.jspecify.annotations.NullMarked;
