dnl The PECL build: phpize makes a configure script of this, cargo builds the extension (Makefile.frag).

PHP_ARG_ENABLE([swoole],
  [whether to enable swoole],
  [AS_HELP_STRING([--enable-swoole], [Enable swoole (it is built with cargo)])],
  [yes],
  [yes])

if test "$PHP_SWOOLE" != "no"; then
  dnl rustup's folder is not in the PATH of sudo.
  AC_PATH_PROG([CARGO], [cargo], [no], [$PATH:${CARGO_HOME:-$HOME/.cargo}/bin])
  if test "$CARGO" = "no"; then
    AC_MSG_ERROR([cargo not found: install Rust 1.88 or newer with rustup, or put its bin folder in PATH])
  fi

  AC_MSG_CHECKING([whether swoole can be built for this PHP])
  if swoole_complaint=`PHP_CONFIG="$PHP_CONFIG" sh "$abs_srcdir/scripts/check-env" 2>&1`; then
    AC_MSG_RESULT([yes])
  else
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([$swoole_complaint])
  fi

  PHP_SUBST([CARGO])
  PHP_SUBST([PHP_CONFIG])
  PHP_MODULES="$PHP_MODULES \$(phplibdir)/swoole.so"
  PHP_ADD_MAKEFILE_FRAGMENT([$abs_srcdir/Makefile.frag], [$abs_srcdir], [$abs_builddir])
fi
