# Where `make install` puts things; sourced by install.sh and uninstall.sh.  PREFIX and DESTDIR are as in GNU's standards.
prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
lib=$destdir$prefix/lib
home=$lib/orchestrator
bin=$destdir$prefix/bin
etc=$destdir/etc/orchestrator
case $prefix in
    /usr | /usr/local)
        units=$lib/systemd
        groups=$lib/sysusers.d
        ;;
    *) # systemd looks for units nowhere else
        units=$destdir/etc/systemd
        groups=$destdir/etc/sysusers.d
        ;;
esac
