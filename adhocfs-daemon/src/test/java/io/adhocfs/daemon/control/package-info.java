/** Tests of the control plane, alone and in clusters over real connections. */
@NullMarked
package io.adhocfs.daemon.control;

import org.jspecify.annotations.NullMarked;
