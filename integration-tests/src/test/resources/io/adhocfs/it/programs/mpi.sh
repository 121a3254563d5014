# Gives `ranks`, which runs one of these programs in so many ranks, and $mpi, which ends the names of compilers.
# $implementation: of MPI and of MPI-IO. $hosts: where the ranks run, by commas, the first of them here, over
# the network alone; $remote: what takes the place of ssh; $disk: a directory that each host has for itself.
# Without $hosts all run here.
hosts=${hosts-}
case $implementation in
  mpich)
    mpi=mpich
    launch=(mpirun.mpich)
    if [ -n "$hosts" ]; then
      launch+=(-launcher ssh -launcher-exec "$remote" -iface eth0 -hosts "$hosts"
        -genv UCX_TLS tcp,self -genv UCX_NET_DEVICES eth0)
    fi
    ;;
  # OMPIO, its own, and ROMIO, which it has from MPICH.
  openmpi | openmpi-romio)
    mpi=openmpi
    # It asks before it runs as root.
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    launch=(mpirun.openmpi --oversubscribe)
    if [ -n "$hosts" ]; then
      launch+=(--mca plm_rsh_agent "$remote" --host "$hosts" --mca orte_tmpdir_base "$disk"
        --mca oob_tcp_if_include eth0 --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include eth0
        # Each host believes that it has all processors for itself.
        --bind-to none --mca mpi_yield_when_idle 1)
    fi
    if [ "$implementation" = openmpi ]; then
      launch+=(--mca io ompio -x NO_ATOMIC_MODE=1)
    else
      launch+=(--mca io romio321)
    fi
    ;;
esac

ranks() {
  "${launch[@]}" -np "$@"
}

if [ -n "$hosts" ] && [ $mpi = mpich ]; then
  # MPI_Finalize of MPICH before 4.2 takes leave of each rank by a question, and of some that do not answer
  # any more: over UCX's TCP, ranks then wait for ever (its change 6596), also without any file. So these
  # programs say when they have done everything else; who has not left five seconds later is ended.
  ranks() {
    local said=$disk/said left=50
    "${launch[@]}" -np "$@" >"$said" &
    while kill -0 $! 2>/dev/null; do
      sleep 0.1
      # Not by lines: mpirun may put the end of one rank's line behind another's.
      [ "$(grep -o done "$said" | wc -l)" != "$1" ] || ((left-- > 0)) || break
    done
    if ((left > 0)); then
      wait $!
      cat "$said"
    else
      # Read before the kill, after which mpirun writes there which process it has ended on which host.
      cat "$said"
      kill $! 2>/dev/null || true
      wait $! || true
    fi
    rm "$said"
  }
fi
