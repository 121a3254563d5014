/**
 * What is done with the chunks of this node on its data threads: these answer requests for chunks,
 * each with a bounded queue, and what is stored is checked and mended beside them.
 *
 * <p>Must never run on the metadata thread, look at a record of metadata, or ask another node.
 */
@NullMarked
package io.adhocfs.daemon.data;

import org.jspecify.annotations.NullMarked;
