package io.adhocfs.it.programs;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Programs that were made to find what a file system does wrong, and archives of odd trees. */
class StressProgramsIT extends ProgramsContract {
  /**
   * The stressors of stress-ng that use files. Left out: chattr, inode-flags and fiemap (their
   * ioctls are not there), bind-mount (binds directories of the host), mmapfork (memory, not
   * files).
   */
  private static final List<String> STRESSORS =
      List.of(
          ("access aio chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify dup"
                  + " fallocate fcntl file-ioctl filename flock fpunch fsize fstat getdent"
                  + " handle hdd inotify io iomix lease link locka lockf lockofd mknod mmap msync"
                  + " open readahead rename revio seek sendfile splice symlink sync-file touch"
                  + " utime xattr")
              .split(" "));

  @ParameterizedTest
  @CsvSource({"sync, 0", "libaio, 0", "libaio, 1", "mmap, 0"})
  void fioVerifiesWhatItWroteThrough(String engine, int direct) throws Exception {
    run(
        """
        for pattern in write randwrite randrw; do
          fio --name=$pattern --directory="$here" --ioengine=%s --direct=%s --iodepth=8 --numjobs=2 --size=%s \\
            --bsrange=4k-64k --rw=$pattern --verify=crc32c --verify_fatal=1 --do_verify=1 --fallocate=none \\
            --randseed=%d > "$local/fio" 2>&1 || { cat "$local/fio"; exit 1; }
        done
        rm "$here"/*
        """
            .formatted(engine, direct, FULL ? "256m" : "2600k", seed()));
  }

  @Test
  void stressorsFindNothing() throws Exception {
    for (String stressor : STRESSORS) {
      // stress-ng reports what it found in lines with "fail:", and does not always end with an
      // error then.
      run(
          """
          size=()
          case %1$s in
            hdd | iomix | readahead | fallocate | sync-file) size=(--%1$s-bytes 16m) ;;
            dentry) size=(--dentries 500) ;;
            seek) size=(--seek-size 8m) ;;
            *) ;;
          esac
          status=0
          stress-ng --temp-path "$here" --seed %3$d --verify --%1$s 2 --timeout %2$d "${size[@]}" \\
              > "$local/stress" 2>&1 || status=$?
          # 7: a process that it ended had not counted its last operation yet.
          if [[ $status != [07] ]] || grep -q 'fail:' "$local/stress"; then
            cat "$local/stress"
            exit 1
          fi
          """
              .formatted(stressor, FULL ? 10 : 1, seed()));
    }
    run("[ -z \"$(ls -A \"$there\")\" ]");
  }

  @Test
  void dbenchRuns() throws Exception {
    run(
        """
        dbench -c /usr/share/dbench/client.txt -D "$here" -t %d 4 > "$local/dbench" 2>&1 || { cat "$local/dbench"; exit 1; }
        grep '^Throughput' "$local/dbench"
        # It can't have a semaphore in every container, and does without.
        if grep -v 'barrier semaphore' "$local/dbench" | grep -iE 'error|fail'; then exit 1; fi
        rm -r "$here/clients"
        """
            .formatted(FULL ? 120 : 6));
  }

  @Test
  void archivesKeepHardLinksAndExtendedAttributes() throws Exception {
    run(
        """
        describe() {
          (cd "$1" && find . -type d -printf '%P %m %T@\\n' | sort
            find . ! -type d -printf '%P %y %m %n %s %T@ %l\\n' | sort
            find . -type f -print0 | sort -z | xargs -0 sha256sum
            find . ! -type p ! -type l -print0 | sort -z | xargs -0 getfattr -hd -m '^user')
        }
        expect_same() { describe "$1" > "$local/found" && diff "$local/expected" "$local/found"; }

        mkdir "$here/tree"
        cp -r /usr/include/asm-generic "$here/tree/headers"
        cd "$here/tree"
        ln headers/types.h hard
        ln headers/types.h headers/again
        ln -s ../nowhere headers/link
        mkfifo -m 600 pipe
        truncate -s 3000001 sparse
        setfattr -n user.origin -v 'a value' hard
        setfattr -n user.binary -v 0x00ff10 headers
        setfattr -n user.empty headers/errno.h
        touch -d '1999-12-31 23:59:59.123456789' hard headers
        cd "$here"
        describe "$there/tree" > "$local/expected"

        cp -a "$here/tree" "$local/copy"
        expect_same "$local/copy"
        tar --xattrs -cSf "$here/tree.tar" -C "$there/tree" .
        mkdir "$here/untarred" && tar --xattrs -xpf "$here/tree.tar" -C "$here/untarred"
        expect_same "$there/untarred"
        rsync -aHX "$local/copy/" "$here/synchronized/"
        expect_same "$there/synchronized"
        for source in "$local/copy/" "$here/tree/" "$here/untarred/"; do
          rsync -aHX --itemize-changes "$source" "$there/synchronized/" > "$local/changes"
          [ ! -s "$local/changes" ] || { cat "$local/changes"; exit 1; }
        done
        """);
  }

  @Test
  void gitPacksAggressivelyAndParallelBuildsAreComplete() throws Exception {
    run(
        """
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME="$local"
        git init -q repository && cd repository
        for i in $(seq 1 60); do printf 'int f%d(void) { return %d; }\\n' $i $i > f$i.c; done
        { for i in $(seq 1 60); do echo "int f$i(void);"; done
          echo 'int main(void) { int s = 0;'
          for i in $(seq 1 60); do echo "s += f$i();"; done
          echo 'return s != 1830; }'; } > main.c
        printf 'prog: $(patsubst %%.c,%%.o,$(wildcard *.c))\\n\\tcc -o $@ $^\\n' > Makefile
        git add . && git commit -qm first
        for i in $(seq 1 10); do
          echo "/* $i */" >> f$i.c
          git commit -qam "change $i"
        done
        git clone -q --no-hardlinks "$here/repository" "$there/clone"
        cd "$there/clone"
        git gc -q --aggressive --prune=now
        git fsck --strict --full
        [ -z "$(git status --porcelain)" ] && [ "$(git rev-list --count HEAD)" = 11 ]
        (cd "$here/repository" && git pull -q "$there/clone" HEAD && git fsck --strict --full)
        make -s -j4 prog
        "$here/clone/prog"
        make -q prog
        """);
  }
}
