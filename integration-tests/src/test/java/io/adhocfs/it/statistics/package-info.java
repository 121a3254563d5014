/** What jobs have done, as instances count it. */
@NullMarked
package io.adhocfs.it.statistics;

import org.jspecify.annotations.NullMarked;
