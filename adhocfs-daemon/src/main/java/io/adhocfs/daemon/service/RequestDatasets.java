package io.adhocfs.daemon.service;

import io.adhocfs.daemon.metadata.MetadataStore;
import io.adhocfs.daemon.metadata.Share;
import io.adhocfs.protocol.model.FileAttributes;
import io.adhocfs.protocol.model.FsException;
import io.adhocfs.protocol.model.InodeId;
import io.adhocfs.protocol.wire.Request;
import io.adhocfs.protocol.wire.Subject;
import java.util.function.ToIntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells which dataset a request concerns: that of its inode, or of the directory in which it names
 * something; 0 = none, or not known here. Metadata thread only, but for requests that bring the
 * number along.
 */
public final class RequestDatasets implements ToIntFunction<Request> {
  private static final Logger LOG = LoggerFactory.getLogger(RequestDatasets.class);
  private static final int NONE = 0;

  private final MetadataStore store;

  public RequestDatasets(MetadataStore store) {
    this.store = store;
  }

  @Override
  public int applyAsInt(Request request) {
    try {
      return switch (request.subject()) {
        case Subject.OfDataset(int dataset) -> dataset;
        case Subject.OfInode(InodeId inode) -> ofInode(inode);
        case Subject.OfPart(InodeId directory, int partition) -> ofPart(directory, partition);
      };
    } catch (FsException e) {
      // The request itself will meet the same.
      LOG.debug("the dataset of a {}", request.type(), e);
      return NONE;
    }
  }

  private int ofInode(InodeId inode) throws FsException {
    FileAttributes attributes = store.inode(inode);
    return attributes == null ? NONE : attributes.layout().dataset();
  }

  private int ofPart(InodeId directory, int partition) throws FsException {
    if (partition == 0) {
      return ofInode(directory);
    }
    Share share = store.share(directory, partition);
    return share == null ? NONE : share.attributes().layout().dataset();
  }
}
